#!/bin/bash
echo ECS_CLUSTER=q >> /etc/ecs/ecs.config
echo ECS_INSTANCE_ATTRIBUTES={\"gateway\": \"arn-x\"} > /etc/ecs/ecs.config
