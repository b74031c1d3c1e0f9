#!/bin/bash
echo ECS_CLUSTER=cont >> /etc/ecs/ecs.config && \
echo ECS_ENABLE_TASK_IAM_ROLE=true >> /etc/ecs/ecs.config
