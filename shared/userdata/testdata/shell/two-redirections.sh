#!/bin/bash
echo ECS_CLUSTER=a > /etc/ecs/ecs.config
echo ECS_CLUSTER=b > /etc/ecs/ecs.config > /tmp/x
cat /tmp/x >> /etc/ecs/ecs.config
