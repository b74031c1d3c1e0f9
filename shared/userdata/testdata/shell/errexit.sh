#!/bin/bash
set -e
echo ECS_CLUSTER=a > /etc/ecs/ecs.config
false
echo ECS_CLUSTER=b > /etc/ecs/ecs.config
