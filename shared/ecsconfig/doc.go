// Package ecsconfig reads /etc/ecs/ecs.config as its real readers do and says
// what they will make of it. It is pure: no AWS, no network, no clock.
//
// One call judges a file:
//
//	findings := ecsconfig.Judge(content)
//
// The findings come in the order of their lines, the same for the same bytes,
// and are empty for a file that is fine. An error means that an instance
// cannot start its agent, joins the wrong cluster or cannot pull; a warning,
// that something the author wrote is ignored or replaced; an info, that it
// works and is fragile. No finding ever shows a credential. [Codes] lists every
// code with cause and cure.
//
// Who needs more than the verdict parses once:
//
//	file := ecsconfig.Parse(content)
//	file.Cluster()     // the cluster that the instance joins, and who says so
//	file.Region()      // AWS_DEFAULT_REGION
//	file.Registries()  // the credentials in ECS_ENGINE_AUTH_DATA, with their place in the file
//	file.Judge()
//
// [Mask] gives the same bytes with every secret blotted out, for those who
// show a line of the file.
//
// # The readers
//
// Two programs read the same file and disagree. ecs-init splits it at newlines
// and every line at its first '=', and hands the result to the agent's
// container (ecs-init/docker/docker.go getEnvVars); there are no comments, no
// quotes and no warnings. systemd reads it as EnvironmentFile= for ecs-init
// itself, with quotes, escapes and comments (systemd src/basic/env-file.c).
// Where the agent was installed by hand, docker run --env-file reads it in the
// place of both (docker/cli pkg/kvfile).
//
// The rules are those of aws/amazon-ecs-agent 1.105.1, systemd 252 (Amazon
// Linux 2023) and docker/cli 28. Windows has no ecs.config.
package ecsconfig
