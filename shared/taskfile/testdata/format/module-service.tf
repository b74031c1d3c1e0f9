module "ecs_service" {
  source  = "terraform-aws-modules/ecs/aws//modules/service"
  version = "~> 5.11"
  name    = "shop"

  task_exec_iam_role_arn = "arn:aws:iam::123456789012:role/shopExecution"

  container_definitions = {
    web = {
      cpu       = 512
      memory    = 1024
      essential = true
      image     = "registry.example.com:5000/shop/web:1.42.0"
      port_mappings = [
        {
          name          = "web"
          containerPort = 80
          protocol      = "tcp"
        }
      ]
      enable_cloudwatch_logging = false
    }
  }
}
