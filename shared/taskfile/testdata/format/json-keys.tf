resource "aws_ecs_task_definition" "web" {
  family                = "web"
  execution_role_arn    = "arn:aws:iam::123456789012:role/shopExecution"
  container_definitions = jsonencode([
    {
      "name" : "web",
      "image" : "registry.example.com:5000/shop/web:1.42.0",
      "memory" : 256,
    }
  ])
}
