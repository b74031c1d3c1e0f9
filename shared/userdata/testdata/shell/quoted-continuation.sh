#!/bin/bash
echo "ECS_CLUSTER=a\
b" > /etc/ecs/ecs.config
echo "ECS_X=y\
c\\" >> /etc/ecs/ecs.config
