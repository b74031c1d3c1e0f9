#!/bin/bash
cd /etc/ecs
echo ECS_CLUSTER=relative >> ecs.config
pushd /tmp >/dev/null; echo nothing > ecs.config; popd >/dev/null
echo ECS_LOGLEVEL=warn >> ./ecs.config
