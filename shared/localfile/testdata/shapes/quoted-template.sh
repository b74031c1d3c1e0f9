#!/bin/bash
echo ECS_CLUSTER='${cluster_name}' > /etc/ecs/ecs.config
echo 'ECS_AVAILABLE_LOGGING_DRIVERS=${drivers}' >> /etc/ecs/ecs.config
