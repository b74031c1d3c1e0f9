#!/bin/bash
exec >> /etc/ecs/ecs.config
echo ECS_CLUSTER=stdout
