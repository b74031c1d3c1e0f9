#!/bin/bash
echo "ECS_CLUSTER=a b" >> /etc/ecs/ecs.config
