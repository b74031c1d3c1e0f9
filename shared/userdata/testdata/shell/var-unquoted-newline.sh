#!/bin/bash
CONFIG="ECS_CLUSTER=vn
ECS_LOGLEVEL=warn"
echo $CONFIG >> /etc/ecs/ecs.config
