#!/bin/bash
echo ECS_CLUSTER=a > /tmp/x
echo ECS_CLUSTER=b > /etc/ecs/ecs.config
cp -n /tmp/x /etc/ecs/ecs.config
mv -n /tmp/x /etc/ecs/ecs.config
echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config
