resource "aws_instance" "ecs" {
  user_data = templatefile("${path.module}/template-name.sh.tpl", {
    cluster_name = "from-terraform"
  })
}
