#!/bin/bash
echo ECS_CLUSTER=old >> /etc/ecs/ecs.config
sed -i 's/ECS_CLUSTER=.*/ECS_CLUSTER=new/' /etc/ecs/ecs.config
echo ECS_LOGLEVEL=info >> /etc/ecs/ecs.config
