#!/bin/bash
f() { echo "F=$1"; }
export -f f
bash -c 'f 1' > /etc/ecs/ecs.config
