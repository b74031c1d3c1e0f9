locals {
  registry = "registry.example.com:5000"
  common = {
    memory    = 128
    essential = true
  }
  web = {
    name   = "web"
    image  = "${local.registry}/shop/web:1.42.0"
    memory = 64
  }
}

resource "aws_ecs_task_definition" "web" {
  family                = "web"
  execution_role_arn    = "arn:aws:iam::123456789012:role/shopExecution"
  container_definitions = jsonencode([local.web, merge(local.common, { name = "side", image = "registry.gitlab.com/acme/side" })])
}
