#!/bin/bash
echo "ECS_CLUSTER=old" > /etc/ecs/ecs.config
sed -i '/^ECS_CLUSTER=/d' /etc/ecs/ecs.config
echo "ECS_CLUSTER=new" >> /etc/ecs/ecs.config
