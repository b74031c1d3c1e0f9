#!/bin/bash
echo ECS_CLUSTER=shop >> /etc/ecs/ecs.config
echo ECS_ENABLE_TASK_IAM_ROLE=true > /etc/ecs/ecs.config
