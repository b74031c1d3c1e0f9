#!/bin/bash
TMP=$(mktemp)
echo ECS_CLUSTER=viatemp > $TMP
echo ECS_LOGLEVEL=warn >> $TMP
mv $TMP /etc/ecs/ecs.config
