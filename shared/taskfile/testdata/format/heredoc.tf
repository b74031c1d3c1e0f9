resource "aws_ecs_task_definition" "web" {
  family             = "web"
  execution_role_arn = "arn:aws:iam::123456789012:role/shopExecution"
  container_definitions = <<TASK_DEFINITION
[
  {
    "cpu": ${var.cpu},
    "image": "registry.example.com:5000/shop/web:${var.version}",
    "memory": 256,
    "name": "web"
  }
]
TASK_DEFINITION
}
