#!/bin/bash
grep -q ECS_CLUSTER /etc/ecs/ecs.config || echo "ECS_CLUSTER=orders" >> /etc/ecs/ecs.config
grep -q '^ECS_ENABLE_SPOT' /etc/ecs/ecs.config || echo "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" >> /etc/ecs/ecs.config
