#!/bin/bash
parse() {
  while [ $# -gt 0 ]; do
    case "$1" in
      -c|--cluster) CLUSTER="$2"; shift 2 ;;
      --level=*) LEVEL="${1#*=}"; shift ;;
      *) shift ;;
    esac
  done
}
parse --cluster shifted --level=warn --other
printf 'ECS_CLUSTER=%s\nECS_LOGLEVEL=%s\n' "$CLUSTER" "$LEVEL" >/etc/ecs/ecs.config
