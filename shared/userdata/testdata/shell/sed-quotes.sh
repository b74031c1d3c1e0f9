#!/bin/bash
V=$(echo 'ECS_CLUSTER="qq"' | sed 's/"//g')
echo $V >> /etc/ecs/ecs.config
