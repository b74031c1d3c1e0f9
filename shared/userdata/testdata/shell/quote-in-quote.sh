#!/bin/bash
NAME='it'"'"'s'
echo "ECS_CLUSTER=${NAME//\'/}" >> /etc/ecs/ecs.config
