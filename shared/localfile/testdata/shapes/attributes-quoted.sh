#!/bin/bash
echo ECS_CLUSTER=shop >> /etc/ecs/ecs.config
echo ECS_INSTANCE_ATTRIBUTES=\{\"role\":\"web\"\} >> /etc/ecs/ecs.config
echo 'ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"]' >> /etc/ecs/ecs.config
echo -e "ECS_LOGLEVEL=warn\nECS_RESERVED_PORTS=[22,2375]" >> /etc/ecs/ecs.config
