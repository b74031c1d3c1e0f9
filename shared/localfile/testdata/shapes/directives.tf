resource "aws_launch_template" "rocket" {
  user_data = base64encode(<<-EOT
    [settings.ecs]
    cluster = "${var.cluster}"
    logging-drivers = ${jsonencode(var.drivers)}
    %{ if var.debug }
    loglevel = "debug"
    %{ endif }
  EOT
  )
}

resource "aws_instance" "joined" {
  user_data_base64 = base64encode(join("\n", ["#!/bin/bash", "echo ECS_CLUSTER=shop >> /etc/ecs/ecs.config"]))
}
