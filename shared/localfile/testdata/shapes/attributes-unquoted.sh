#!/bin/bash
echo ECS_CLUSTER=shop >> /etc/ecs/ecs.config
echo ECS_INSTANCE_ATTRIBUTES={"role":"web","tier":"front"} >> /etc/ecs/ecs.config
echo ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"] >> /etc/ecs/ecs.config
