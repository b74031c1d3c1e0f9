#!/bin/bash
mkdir -p /var/log/ecs /etc/ecs /var/lib/ecs/data
docker run --name ecs-agent --detach=true --restart=on-failure:10 \
  --volume=/var/run:/var/run --volume=/var/lib/ecs/data:/data --net=host \
  --env=ECS_CLUSTER=shop --env=ECS_DATADIR=/data -e ECS_ENABLE_TASK_IAM_ROLE=true \
  amazon/amazon-ecs-agent:latest
