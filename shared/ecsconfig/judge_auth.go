package ecsconfig

import (
	"cmp"
	"fmt"
	"strings"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registryauth"
)

// registryNamed names a registry in a message.
func registryNamed(name string) string {
	if name == "a registry" {
		return name
	}
	return "the registry " + quoted(name)
}

// authMessages are the findings for each fault; %s is the registry.
var authMessages = map[registryauth.Kind]problem{
	registryauth.TypeMissing: {codeAuthTypeMissing, finding.Error,
		"ECS_ENGINE_AUTH_DATA is set and ECS_ENGINE_AUTH_TYPE is not: " + string(LosesRegistries), "", 0},
	registryauth.TypeUnknown: {codeAuthTypeUnknown, finding.Error,
		"ECS_ENGINE_AUTH_TYPE is neither docker nor dockercfg, exact in case: " + string(LosesRegistries), "", 0},
	registryauth.DataMissing: {codeAuthDataMissing, finding.Error,
		"ECS_ENGINE_AUTH_TYPE is set and ECS_ENGINE_AUTH_DATA is not: " + string(LosesRegistries), "write ECS_ENGINE_AUTH_DATA on one line, or delete ECS_ENGINE_AUTH_TYPE", 0},
	registryauth.NotJSON: {codeAuthData, finding.Error,
		"ECS_ENGINE_AUTH_DATA is no JSON: " + string(LosesRegistries), "write one JSON object on one line", 0},
	registryauth.WrongType: {codeAuthDataType, finding.Error,
		"ECS_ENGINE_AUTH_DATA has a value of a JSON type that the agent refuses: " + string(LosesRegistries), "write every credential as text in double quotes, under an object for its registry", 0},
	registryauth.NoRegistry: {codeAuthNoRegistry, finding.Error,
		"ECS_ENGINE_AUTH_DATA has a credential that is not under a registry: " + string(LosesRegistries), `write {"registry.example.com":{…}} around it`, 0},
	registryauth.Wrapper: {codeAuthWrapper, finding.Error,
		`"auths" belongs to ~/.docker/config.json; the agent takes it for a registry of that name: ` + string(LosesRegistries), `write what is inside "auths" alone, with ECS_ENGINE_AUTH_TYPE=dockercfg`, 0},
	registryauth.WrapperBeside: {codeAuthWrapper, finding.Error,
		`"auths" belongs to ~/.docker/config.json; the agent takes it for a registry of that name: the registries inside it are lost, and their images cannot be pulled`, `write what is inside "auths" beside the other registries`, 0},
	registryauth.Empty: {codeAuthEmpty, finding.Warning,
		"ECS_ENGINE_AUTH_DATA names no registry: private images cannot be pulled", "name a registry, or delete ECS_ENGINE_AUTH_TYPE and ECS_ENGINE_AUTH_DATA", 0},
	registryauth.NotBase64: {codeAuthBase64, finding.Error,
		"auth of %s is no standard base64 with its padding: the agent skips the registry, and its images cannot be pulled", "write the output of: printf %%s 'USERNAME:PASSWORD' | base64 -w0", 0},
	registryauth.NoColon: {codeAuthNoColon, finding.Error,
		"auth of %s holds no USERNAME:PASSWORD: the agent skips the registry, and its images cannot be pulled", "write the output of: printf %%s 'USERNAME:PASSWORD' | base64 -w0", 0},
	registryauth.NoUsername: {codeAuthNoUsername, finding.Error,
		"%s has no user name, and Docker then logs nobody in: its private images cannot be pulled", "write the user name", 0},
	registryauth.NoPassword: {codeAuthNoPassword, finding.Error,
		"%s has no password, and Docker then logs nobody in: its private images cannot be pulled", "write the password", 0},
	registryauth.PasswordNewline: {codeAuthNewline, finding.Error,
		"the password of %s ends in a newline, as echo leaves it: the registry refuses it, and its images cannot be pulled", "encode it with printf %%s 'USERNAME:PASSWORD' | base64 -w0, without echo", 0},
	registryauth.PasswordWhitespace: {codeAuthWhitespace, finding.Warning,
		"the password of %s begins or ends with white space, which is part of it", "take the white space away", 0},
	registryauth.HubKey: {codeAuthHubKey, finding.Error,
		"%s means Docker Hub, but the agent looks Docker Hub up under https://index.docker.io/v1/ only: the credential is never used, and private images cannot be pulled", "write the key https://index.docker.io/v1/", 0},
	registryauth.HubKeySpare: {codeAuthHubKey, finding.Info,
		"%s means Docker Hub, but the agent looks Docker Hub up under https://index.docker.io/v1/ only, which is here too: this credential is never used", "take it out", 0},
	registryauth.UpperCase: {codeAuthUpperCase, finding.Error,
		"%s has upper-case letters, and images' names have none: the credential is never used, and private images cannot be pulled", "write the key in lower case", 0},
	registryauth.PathUpperCase: {codeAuthUpperCase, finding.Warning,
		"%s has upper-case letters in its path, and images' names have none: the credential of the bare host is used in its place", "write the key in lower case", 0},
	registryauth.NeverMatches: {codeAuthNeverMatches, finding.Error,
		"no image's name begins with %s as it is written: the credential is never used, and private images cannot be pulled", "write the registry's host as images name it, as in registry.example.com:5000", 0},
	registryauth.TrailingSlash: {codeAuthSlash, finding.Info,
		"%s ends in a slash: it works while no other key names the same host", "write the bare host", 0},
	registryauth.PathsOnly: {codeAuthPaths, finding.Error,
		"%s is one of several keys with a path on one host without a key for the bare host: the agent takes any of them for an image, and pulls fail at random", "add a key for the bare host", 0},
	registryauth.PathOnly: {codeAuthPaths, finding.Info,
		"%s has a path, but as the only key of its host it serves every image there", "write the bare host, if that is what is meant", 0},
	registryauth.NoBoundary: {codeAuthBoundary, finding.Info,
		"%s serves every image that begins like it, also where its last word goes on", "end the key with a slash", 0},
	registryauth.Shadowed: {codeAuthTwice, finding.Warning,
		"%s is taken for every image of its host: the key without the slash is never used", "keep one of the two", 0},
	registryauth.SameRegistry: {codeAuthTwice, finding.Warning,
		"%s is there twice, with and without a scheme: the agent keeps a random one of them at each start", "keep one of them", 0},
	registryauth.DuplicateKey: {codeAuthTwice, finding.Info,
		"%s is there twice, and only the last one counts", "keep one of them", 0},
	registryauth.ECR: {codeAuthECR, finding.Warning,
		"%s is Amazon ECR, where the agent gets its own credentials: this one is never used, and would expire after 12 hours", "take it out; the instance role needs the ECR permissions", 0},
	registryauth.Placeholder: {codeAuthPlaceholder, finding.Warning,
		"%s has a template's text that nobody filled in: nothing expands variables in ecs.config", "fill the template in before the file is uploaded", 0},
	registryauth.Shape: {codeAuthShape, finding.Error, "", "", 0},
}

// auth judges the credentials.
func (j *judge) auth() {
	typeSet, hasType := j.file.Lookup("ECS_ENGINE_AUTH_TYPE")
	dataSet, hasData := j.file.Lookup("ECS_ENGINE_AUTH_DATA")
	if hasData && j.moot[j.file.last["ECS_ENGINE_AUTH_DATA"]] {
		return
	}
	authType := strings.TrimSpace(typeSet.Value.Reveal())
	data := j.file.Registries()
	if hasType && authType == "" && data.Type == "" && len(data.Faults) == 0 {
		return // both empty: no credentials, as without the lines
	}
	if hasType && typeSet.Value.Reveal() != authType {
		j.add(typeSet.Line, typeSet.ValueColumn(), "ECS_ENGINE_AUTH_TYPE", problem{code: codeLeadingSpace, severity: finding.Info,
			message: "the space after the '=' is part of the value, and this variable is one of those where the agent takes it away again",
			fix:     "write no space after the '='"})
	}
	for _, fault := range data.Faults {
		line, column, variable := dataSet.Line, dataSet.Column+fault.Span.Start-dataSet.NameStart, "ECS_ENGINE_AUTH_DATA"
		p := authMessages[fault.Kind]
		switch fault.Kind {
		case registryauth.TypeMissing:
			if j.missed["ECS_ENGINE_AUTH_TYPE"] {
				continue
			}
			if hasType {
				line, column, variable = typeSet.Line, typeSet.ValueColumn(), "ECS_ENGINE_AUTH_TYPE"
			}
			p.fix = "write ECS_ENGINE_AUTH_TYPE=" + cmp.Or(fault.Other, "dockercfg or docker, as the data's shape is")
		case registryauth.TypeUnknown:
			line, column, variable = typeSet.Line, typeSet.ValueColumn(), "ECS_ENGINE_AUTH_TYPE"
			p.fix = "write ECS_ENGINE_AUTH_TYPE=" + cmp.Or(fault.Other, "docker or dockercfg")
			if clean, cause := cleaned(byName["ECS_ENGINE_AUTH_TYPE"], typeSet.Value.Reveal()); cause != nil && (clean == registryauth.Docker || clean == registryauth.Dockercfg) {
				p.code, p.message, p.fix = cause.code, cause.message+": "+p.message, "write ECS_ENGINE_AUTH_TYPE="+clean
			} else if lower := strings.ToLower(authType); lower == registryauth.Docker || lower == registryauth.Dockercfg {
				p.fix = "write ECS_ENGINE_AUTH_TYPE=" + lower
			}
		case registryauth.DataMissing:
			if j.missed["ECS_ENGINE_AUTH_DATA"] {
				continue
			}
			if !hasData {
				line, column, variable = typeSet.Line, typeSet.Column, "ECS_ENGINE_AUTH_TYPE"
			}
		case registryauth.NotJSON:
			p = j.brokenAuth(dataSet, authType, p)
			if p.at != 0 {
				column = dataSet.ValueColumn() + p.at
			}
		case registryauth.Placeholder:
			if fault.Field == "auth" {
				p.severity = finding.Error
				p.message += "; the agent skips the registry, and its images cannot be pulled"
			}
		case registryauth.Shape:
			p.message = `%s has no auth, but ECS_ENGINE_AUTH_TYPE is "dockercfg": ECS_ENGINE_AUTH_DATA has the docker shape, and the agent skips the registry`
			p.fix = "set ECS_ENGINE_AUTH_TYPE=docker"
			if authType == registryauth.Docker {
				p.message = `%s has auth alone, but ECS_ENGINE_AUTH_TYPE is "docker": ECS_ENGINE_AUTH_DATA has the dockercfg shape, and the agent logs in with no user name`
				p.fix = "set ECS_ENGINE_AUTH_TYPE=dockercfg"
			}
		}
		if strings.Contains(p.message, "%s") {
			p.message = fmt.Sprintf(p.message, registryNamed(fault.Registry))
		}
		p.fix = strings.ReplaceAll(p.fix, "%%", "%")
		p.at = 0
		j.add(line, column, variable, p)
	}
}

// brokenAuth finds the habit that made the data no JSON.
func (j *judge) brokenAuth(a Assignment, authType string, p problem) problem {
	value := j.text[a.ValueStart:a.ValueEnd]
	if clean, cause := cleaned(byName[a.Name], value); cause != nil && clean != value {
		if again := registryauth.Parse(authType, []byte(clean), 0); len(again.Faults) == 0 || again.Faults[0].Kind != registryauth.NotJSON {
			p.code, p.message, p.fix, p.at = cause.code, cause.message+": "+p.message, cause.fix, cause.at
			return p
		}
	}
	if inner, at := settingInside(value); inner != "" {
		p.code, p.message = codeSwallowed, "the value goes on to the end of the line and swallows another setting: "+p.message
		p.fix, p.at = "begin a new line before "+inner, at
		return p
	}
	if at, ok := placeholder(value); ok {
		p.code, p.message = codeUnexpanded, "nothing expands variables in ecs.config, so the template's text is the value: "+p.message
		p.fix, p.at = "fill the template in before the file is uploaded", at
	}
	return p
}
