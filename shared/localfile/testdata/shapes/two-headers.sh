#!/bin/bash
#cloud-config
write_files:
 - content: ECS_CLUSTER=shop
   path: /etc/ecs/ecs.config
