#!/bin/bash
DRIVERS='"json-file","awslogs"'
echo "ECS_CLUSTER=dr" >> /etc/ecs/ecs.config
echo "ECS_AVAILABLE_LOGGING_DRIVERS=[$DRIVERS]" >> /etc/ecs/ecs.config
