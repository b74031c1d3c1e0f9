#!/bin/bash
echo "ECS_CLUSTER=sc,ECS_LOGLEVEL=warn" | tr ',' '\n' >> /etc/ecs/ecs.config
