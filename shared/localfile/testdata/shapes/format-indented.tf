locals {
  world = "valheim"
  user_data = <<EOF
  #!/bin/bash
  echo ECS_CLUSTER=${format("%s-%s-cluster", var.env, var.name)} >> /etc/ecs/ecs.config;echo ECS_BACKEND_HOST= >> /etc/ecs/ecs.config;
  EOF
}
resource "aws_launch_configuration" "l" {
  user_data = local.user_data
}
