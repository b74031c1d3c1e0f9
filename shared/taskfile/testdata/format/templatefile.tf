resource "aws_ecs_task_definition" "web" {
  family                = "web"
  container_definitions = templatefile("${path.module}/web.json.tpl", { version = var.version })
}
