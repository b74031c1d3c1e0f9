#!/bin/bash
rm -f /etc/ecs/ecs.config
echo ECS_CLUSTER=clean > /etc/ecs/ecs.config
