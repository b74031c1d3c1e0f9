#!/bin/bash
echo "ECS_CLUSTER=nl"$'\n'"ECS_LOGLEVEL=warn" >> /etc/ecs/ecs.config
