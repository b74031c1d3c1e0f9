package ecsconfig

import (
	"cmp"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// noCredentials is how the start-up ends if the default chain of the AWS SDK
// gives an error (ecs-agent/credentials/providers): the call that registers the
// instance can't be signed.
const noCredentials = "The agent gets no AWS credentials. "

// checkMetadataDisabled is for the switch that no agent on EC2 can work with: the
// way to correct it is not to turn it on.
func checkMetadataDisabled(j *judge, v *Variable, value string) []problem {
	problems := checkSDKBoolean(j, v, value)
	for i, p := range problems {
		if p.value == "true" && !j.enabled("ECS_EXTERNAL") {
			problems[i].value, problems[i].sure, problems[i].fix = "", false, "Delete the line."
		}
	}
	return problems
}

// checkMetadataMode is for the one word of the SDK that it trims
// (feature/ec2/imds EndpointModeState).
func checkMetadataMode(j *judge, v *Variable, value string) []problem {
	return checkChoice(j, v, strings.TrimSpace(value))
}

// checkMetadataEndpoint is for the address of the instance metadata.
func checkMetadataEndpoint(_ *judge, v *Variable, value string) []problem {
	problems := checkEndpoint(v, value, false)
	for i := range problems {
		problems[i].fix = "Delete the line: the AWS SDK knows the address."
		if isHost(value) {
			problems[i].value, problems[i].sure = "http://"+value, true
		}
	}
	return problems
}

// metadataDisabled judges the switch that turns the instance metadata off, from
// which an agent on EC2 gets its Region, its VPC and its credentials.
func metadataDisabled(j *judge, v *Variable, a Assignment) {
	if !strings.EqualFold(j.file.value(v.Name), "true") || j.enabled("ECS_EXTERNAL") {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeMetadata, severity: Restarts.severity(),
		fact:   v.Name + "=true turns off the instance metadata, from which the agent gets its Region, VPC and credentials.",
		effect: Restarts.sentence(), fix: "Delete the line."})
}

// accessKeys judges static credentials, for which the SDK knows two names each.
func accessKeys(j *judge, v *Variable, a Assignment) {
	set := func(names ...string) bool {
		for _, name := range names {
			if j.file.value(name) != "" {
				return true
			}
		}
		return false
	}
	hasID, hasKey := set("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"), set("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
	p := problem{code: codeStaticKeys, severity: finding.Error,
		fact: v.Name + " is part of an AWS access key, which everyone who may read the file can use.",
		fix:  "Delete the line, deactivate the key in IAM, and give the instance a role."}
	if hasID && hasKey {
		p.effect = "The agent uses the key instead of the instance role."
	} else {
		p.effect = "The AWS SDK ignores half of a key."
	}
	j.add(a.Line, a.Column, v.Name, p)
}

// webIdentity judges the token file without its role.
func webIdentity(j *judge, v *Variable, a Assignment) {
	if j.hasAccessKey() || j.file.value("AWS_ROLE_ARN") != "" {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeSDK, severity: Restarts.severity(),
		fact: v.Name + " needs AWS_ROLE_ARN, which is not set.", effect: noCredentials + Restarts.sentence(), fix: "Delete the line, or add AWS_ROLE_ARN."})
}

// hasAccessKey says that the environment has a whole access key, which comes
// first in the chain.
func (j *judge) hasAccessKey() bool {
	return cmp.Or(j.file.value("AWS_ACCESS_KEY_ID"), j.file.value("AWS_ACCESS_KEY")) != "" &&
		cmp.Or(j.file.value("AWS_SECRET_ACCESS_KEY"), j.file.value("AWS_SECRET_KEY")) != ""
}

// profile judges a profile without a file that could have it.
func profile(j *judge, v *Variable, a Assignment) {
	if j.file.value("AWS_CONFIG_FILE") != "" || j.file.value("AWS_SHARED_CREDENTIALS_FILE") != "" {
		return
	}
	p := problem{code: codeSDK, severity: Restarts.severity(),
		fact:   v.Name + " names a profile, but the agent's container has no shared configuration file.",
		effect: "The AWS SDK refuses to load. " + Restarts.sentence(), fix: "Delete the line, or set AWS_CONFIG_FILE to a file below /etc/ecs, which is mounted."}
	if v.Name == "AWS_DEFAULT_PROFILE" {
		// aws-sdk-go-v2 config/config.go misses only the profile of AWS_PROFILE.
		p.severity, p.effect = finding.Warning, "The AWS SDK runs without the profile."
	}
	j.add(a.Line, a.Column, v.Name, p)
}

// credentialsEndpoint judges the address that the SDK asks for credentials: over
// http only hosts of the machine and of container credentials are allowed
// (aws-sdk-go-v2 config/resolve_credentials.go resolveLocalHTTPCredProvider).
func credentialsEndpoint(j *judge, v *Variable, a Assignment) {
	if j.hasAccessKey() || j.file.value("AWS_WEB_IDENTITY_TOKEN_FILE") != "" || j.file.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" {
		return
	}
	p := problem{code: codeSDK, severity: Restarts.severity(), effect: noCredentials + Restarts.sentence(), fix: "Delete the line: the agent takes the credentials of the instance role."}
	parsed, err := url.Parse(j.file.value(v.Name))
	switch {
	case err != nil || parsed.Hostname() == "":
		p.fact = v.Name + " is not a URL with a host."
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		p.fact = v.Name + " is not a URL with http:// or https://."
	case parsed.Scheme == "http" && !isLocalHost(parsed.Hostname()):
		p.fact = v.Name + " has a host that the AWS SDK doesn't ask over http. It allows only loopback and container credential addresses."
	default:
		p.severity, p.effect = finding.Warning, "The agent takes its credentials from there, not from the instance role."
		p.fact = v.Name + " is meant for containers that get credentials from a local endpoint."
	}
	j.add(a.Line, a.ValueColumn(), v.Name, p)
}

// relativeCredentials judges the path at the container credentials endpoint,
// which no agent's container has.
func relativeCredentials(j *judge, v *Variable, a Assignment) {
	if j.hasAccessKey() || j.file.value("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeSDK, severity: Restarts.severity(),
		fact: v.Name + " makes the AWS SDK ask 169.254.170.2 for credentials, where nothing answers the agent.", effect: noCredentials + Restarts.sentence(), fix: "Delete the line."})
}

func isLocalHost(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.Equal(net.ParseIP("169.254.170.2")) || ip.Equal(net.ParseIP("169.254.170.23")) || ip.Equal(net.ParseIP("fd00:ec2::23"))
	}
	return host == "localhost"
}

// memoryUnits are the suffixes of GOMEMLIMIT, as powers of two.
var memoryUnits = map[string]int{"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}

// isMemoryLimit is runtime/string.go parseByteCount of Go 1.25, with which the
// agent is built: no more than 63 bits, and no sign.
func isMemoryLimit(value string) bool {
	digits := strings.TrimRight(value, "BKMGTi")
	power, known := memoryUnits[value[len(digits):]]
	number, err := strconv.ParseUint(digits, 10, 63)
	return known && err == nil && number <= math.MaxInt64>>power
}

// checkMemoryLimit follows runtime/mgcpacer.go readGOMEMLIMIT, which ends the
// program over a malformed value.
func checkMemoryLimit(_ *judge, v *Variable, value string) []problem {
	if value == "off" || isMemoryLimit(value) {
		return nil
	}
	return one(problem{code: codeSDK, severity: Restarts.severity(), fact: v.is(value) + " is not a size such as 512MiB, and Go's runtime ends the program over it.",
		effect: Restarts.sentence(), fix: "Delete the line."})
}

// searchPath is for PATH, in which nothing expands $PATH.
func checkSearchPath(_ *judge, v *Variable, value string) []problem {
	if strings.Contains(value, "$PATH") || strings.Contains(value, "${PATH}") {
		return one(problem{code: codeUnexpanded, severity: finding.Warning, fact: v.Name + " has $PATH, which nothing expands in ecs.config.",
			effect: "The agent looks for iptables and other programs in the literal path.", fix: "Delete the line."})
	}
	return one(problem{code: codeUnknownVariable, severity: finding.Info, fact: v.Name + " replaces the path of the agent's image, which begins with /host/sbin.",
		effect: "The agent may not find iptables.", fix: "Delete the line, if you don't need it."})
}

// nothingToCheck is for values that only Together judges.
func nothingToCheck(*judge, *Variable, string) []problem { return nil }

// checkTaskEndpoint is for the endpoints of APIs that the agent calls only when
// a task needs them.
func checkTaskEndpoint(_ *judge, v *Variable, value string) []problem {
	problems := checkEndpoint(v, value, false)
	for i := range problems {
		problems[i].severity, problems[i].effect = finding.Warning, "The agent can't call that API, and tasks that need it don't start."
	}
	return problems
}

// asCGI judges the variable by which Go takes a program for a CGI script
// (ecs-agent/utils/httpproxy/proxy.go).
func asCGI(j *judge, v *Variable, a Assignment) {
	if cmp.Or(j.file.value("HTTP_PROXY"), j.file.value("http_proxy")) == "" {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeProxy, severity: CutOff.severity(), fact: v.Name + " makes Go refuse HTTP_PROXY, as in a CGI script.", effect: CutOff.sentence(), fix: "Delete the line."})
}
