#!/bin/bash
trap 'echo ECS_B=late >> /etc/ecs/ecs.config' EXIT
echo ECS_CLUSTER=a > /etc/ecs/ecs.config
exit 0
echo ECS_C=no >> /etc/ecs/ecs.config
