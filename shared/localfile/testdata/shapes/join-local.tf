variable "cluster" {
  type    = string
  default = "dflt"
}
locals {
  lines = ["ECS_CLUSTER=${var.cluster}", "ECS_LOGLEVEL=warn"]
}
resource "aws_launch_template" "a" {
  user_data = base64encode("#!/bin/bash\necho '${join("\n", local.lines)}' >> /etc/ecs/ecs.config\n")
}
