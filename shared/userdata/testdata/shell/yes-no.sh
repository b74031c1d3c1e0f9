#!/bin/bash
yes_no() { if [[ $1 =~ ^(yes|true|1)$ ]]; then echo true; else echo false; fi; }
echo "ECS_CLUSTER=yn" >> /etc/ecs/ecs.config
echo "ECS_ENABLE_TASK_IAM_ROLE=$(yes_no yes)" >> /etc/ecs/ecs.config
echo "ECS_DISABLE_PRIVILEGED=$(yes_no no)" >> /etc/ecs/ecs.config
