#!/bin/bash
VER=2
if (( VER >= 2 )); then C=two; elif (( VER == 1 )); then C=one; else C=zero; fi
echo ECS_CLUSTER=$C >> /etc/ecs/ecs.config
