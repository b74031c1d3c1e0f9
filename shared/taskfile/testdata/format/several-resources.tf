variable "version" {}

resource "aws_iam_role" "execution" {
  name = "execution"
}

resource "aws_ecs_task_definition" "web" {
  family             = "web"
  execution_role_arn = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name   = "web"
    image  = "registry.example.com:5000/shop/web:1.42.0"
    memory = 64
  }])
}

resource "aws_ecs_task_definition" "worker" {
  family             = "worker"
  execution_role_arn = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name   = "worker"
    image  = "registry.gitlab.com/acme/worker:${var.version}"
    memory = 64
  }])
}
