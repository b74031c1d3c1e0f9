package ecsconfig

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
)

// What happens without credentials, for all registries and for one.
const (
	withoutRegistries = "The agent has no registry credentials, and can't pull private images."
	withoutRegistry   = "The agent skips the registry, and can't pull its private images."
	neverUsed         = "The agent never uses the credential, and can't pull private images."
	encode            = "Write the output of: printf %s 'USERNAME:PASSWORD' | base64 -w0"
)

// registryNamed names a registry in the middle of a sentence.
func registryNamed(name string) string {
	switch name {
	case "a registry":
		return name
	case "":
		return "an empty key"
	}
	return "the registry " + quoted(name)
}

// authProblems are the findings for each fault; REGISTRY is replaced by the
// registry, which begins a sentence only after a word.
var authProblems = map[registryauth.Kind]problem{
	registryauth.TypeMissing:        {code: codeAuthTypeMissing, severity: finding.Error, fact: "ECS_ENGINE_AUTH_DATA is set, but ECS_ENGINE_AUTH_TYPE isn't.", effect: withoutRegistries},
	registryauth.TypeUnknown:        {code: codeAuthTypeUnknown, severity: finding.Error, fact: "ECS_ENGINE_AUTH_TYPE is neither docker nor dockercfg, in lower case.", effect: withoutRegistries},
	registryauth.DataMissing:        {code: codeAuthDataMissing, severity: finding.Error, fact: "ECS_ENGINE_AUTH_TYPE is set, but ECS_ENGINE_AUTH_DATA isn't.", effect: withoutRegistries, fix: "Write ECS_ENGINE_AUTH_DATA on one line, or delete ECS_ENGINE_AUTH_TYPE."},
	registryauth.NotJSON:            {code: codeAuthData, severity: finding.Error, fact: "ECS_ENGINE_AUTH_DATA is not valid JSON.", effect: withoutRegistries, fix: "Write one JSON object on one line."},
	registryauth.WrongType:          {code: codeAuthDataType, severity: finding.Error, fact: "ECS_ENGINE_AUTH_DATA has a JSON value of a type that the agent refuses.", effect: withoutRegistries, fix: "Write an object for each registry, with every credential as a string in double quotes."},
	registryauth.NoRegistry:         {code: codeAuthNoRegistry, severity: finding.Error, fact: "ECS_ENGINE_AUTH_DATA has a credential that is not under a registry.", effect: withoutRegistries, fix: `Write {"registry.example.com":{…}} around it.`},
	registryauth.Wrapper:            {code: codeAuthWrapper, severity: finding.Error, fact: `ECS_ENGINE_AUTH_DATA has "auths" from ~/.docker/config.json, which the agent takes for a registry of that name.`, effect: withoutRegistries, fix: `Write only what is inside "auths", with ECS_ENGINE_AUTH_TYPE=dockercfg`},
	registryauth.WrapperBeside:      {code: codeAuthWrapper, severity: finding.Error, fact: `ECS_ENGINE_AUTH_DATA has "auths" from ~/.docker/config.json, which the agent takes for a registry of that name.`, effect: "The agent loses the registries inside it, and can't pull their private images.", fix: `Move what is inside "auths" beside the other registries.`},
	registryauth.Empty:              {code: codeAuthEmpty, severity: finding.Warning, fact: "ECS_ENGINE_AUTH_DATA names no registry.", effect: "The agent can't pull private images.", fix: "Name a registry, or delete ECS_ENGINE_AUTH_TYPE and ECS_ENGINE_AUTH_DATA."},
	registryauth.NotBase64:          {code: codeAuthBase64, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, auth of REGISTRY is not standard base64 with its padding.", effect: withoutRegistry, fix: encode},
	registryauth.NoColon:            {code: codeAuthNoColon, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, auth of REGISTRY is not the base64 of USERNAME:PASSWORD.", effect: withoutRegistry, fix: encode},
	registryauth.NoUsername:         {code: codeAuthNoUsername, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY has no user name.", effect: "Docker logs in without credentials, and can't pull its private images.", fix: "Write the user name."},
	registryauth.NoPassword:         {code: codeAuthNoPassword, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY has no password.", effect: "Docker logs in without credentials, and can't pull its private images.", fix: "Write the password."},
	registryauth.PasswordNewline:    {code: codeAuthNewline, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, the password of REGISTRY ends in a newline, as echo leaves it.", effect: "The registry refuses the login, and its private images can't be pulled.", fix: encode},
	registryauth.PasswordWhitespace: {code: codeAuthWhitespace, severity: finding.Warning, fact: "In ECS_ENGINE_AUTH_DATA, the password of REGISTRY begins or ends with white space, which is part of it.", effect: "The registry may refuse the login.", fix: "Remove the white space."},
	registryauth.HubKey:             {code: codeAuthHubKey, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY means Docker Hub, but the agent looks up Docker Hub only as https://index.docker.io/v1/ there.", effect: neverUsed, fix: "Write the key https://index.docker.io/v1/ instead."},
	registryauth.HubKeySpare:        {code: codeAuthHubKey, severity: finding.Info, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY means Docker Hub, but the agent looks up Docker Hub only as https://index.docker.io/v1/, which is there too.", effect: "The agent never uses this credential.", fix: "Remove it."},
	registryauth.UpperCase:          {code: codeAuthUpperCase, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY has upper-case letters, but image names have none.", effect: neverUsed, fix: "Write the key in lower case."},
	registryauth.PathUpperCase:      {code: codeAuthUpperCase, severity: finding.Warning, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY has upper-case letters in its path, but image names have none.", effect: "The agent uses the credential of the bare host instead.", fix: "Write the key in lower case."},
	registryauth.NeverMatches:       {code: codeAuthNeverMatches, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, no image name begins with REGISTRY.", effect: neverUsed, fix: "Write the registry's host as images name it, such as registry.example.com:5000."},
	registryauth.TrailingSlash:      {code: codeAuthSlash, severity: finding.Info, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY ends in a slash.", effect: "It works while no other key names the same host.", fix: "Write the bare host."},
	registryauth.PathsOnly:          {code: codeAuthPaths, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY is one of several keys with a path on one host, and the bare host has no key.", effect: "The agent picks one of them at random for each image, and pulls fail at random.", fix: "Add a key for the bare host."},
	registryauth.PathOnly:           {code: codeAuthPaths, severity: finding.Info, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY has a path.", effect: "As the only key of its host, it serves every image there.", fix: "Write the bare host, if that is what you mean."},
	registryauth.NoBoundary:         {code: codeAuthBoundary, severity: finding.Info, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY ends without a slash.", effect: "It also serves images whose path only begins with the same letters.", fix: "End the key with a slash."},
	registryauth.Shadowed:           {code: codeAuthTwice, severity: finding.Warning, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY is there with and without a slash.", effect: "The agent uses the one with the slash for every image of the host.", fix: "Keep one of the two."},
	registryauth.SameRegistry:       {code: codeAuthTwice, severity: finding.Warning, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY is there twice, with and without a scheme.", effect: "The agent picks one of them at random at each start.", fix: "Keep one of them."},
	registryauth.DuplicateKey:       {code: codeAuthTwice, severity: finding.Info, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY is there twice, and only the last one counts.", fix: "Keep one of them."},
	registryauth.ECR:                {code: codeAuthECR, severity: finding.Warning, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY is Amazon ECR, for which the agent gets its own credentials.", effect: "The agent never uses this one, which would expire after 12 hours.", fix: "Remove it, and give the instance role the ECR permissions."},
	registryauth.Placeholder:        {code: codeAuthPlaceholder, severity: finding.Error, fact: "In ECS_ENGINE_AUTH_DATA, REGISTRY has a template placeholder, which nothing expands in ecs.config.", effect: "The registry refuses the login, and its private images can't be pulled.", fix: "Fill in the template before you upload the file."},
	registryauth.Shape:              {code: codeAuthShape, severity: finding.Error},
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
	if hasType && j.swallowed(byName["ECS_ENGINE_AUTH_TYPE"], typeSet, typeSet.Value.Reveal(), one(problem{severity: finding.Error, effect: withoutRegistries})) {
		return
	}
	if hasType && typeSet.Value.Reveal() != authType {
		j.add(typeSet.Line, typeSet.ValueColumn(), "ECS_ENGINE_AUTH_TYPE", problem{code: codeLeadingSpace, severity: finding.Info,
			fact: "The space after the '=' is part of ECS_ENGINE_AUTH_TYPE.", effect: "The agent happens to ignore it for this variable.", fix: "Write no space after the '='."})
	}
	for _, fault := range data.Faults {
		if f, told := j.authFault(fault, authLines{typeSet, dataSet, hasType, hasData, data}); told {
			f.fact = strings.Replace(f.fact, "REGISTRY", registryNamed(fault.Registry), 1)
			f.offset, f.value = 0, ""
			j.add(f.line, f.column, f.variable, f.problem)
		}
	}
}

// authLines are the two lines of credentials, and what the agent makes of them.
type authLines struct {
	typeSet, dataSet Assignment
	hasType, hasData bool
	data             registryauth.Data
}

// placedProblem is a problem and where it is.
type placedProblem struct {
	line, column int
	variable     string
	problem
}

// authFault gives the problem of one fault of the credentials; told is false where
// something else was said about it.
func (j *judge) authFault(fault registryauth.Fault, set authLines) (found placedProblem, told bool) {
	onData := placedProblem{set.dataSet.Line, set.dataSet.Column + fault.Span.Start - set.dataSet.NameStart, "ECS_ENGINE_AUTH_DATA", authProblems[fault.Kind]}
	onType := placedProblem{set.typeSet.Line, set.typeSet.ValueColumn(), "ECS_ENGINE_AUTH_TYPE", authProblems[fault.Kind]}
	switch fault.Kind {
	case registryauth.TypeMissing:
		found = onData
		if set.hasType {
			found = onType
			if fault.Other != "" && !j.missed["ECS_ENGINE_AUTH_TYPE"] {
				j.correct(found.line, "ECS_ENGINE_AUTH_TYPE="+fault.Other)
			}
		}
		found.fix = "Add ECS_ENGINE_AUTH_TYPE=" + cmp.Or(fault.Other, "dockercfg or docker, which must fit the data.")
		return found, !j.missed["ECS_ENGINE_AUTH_TYPE"]
	case registryauth.TypeUnknown:
		onType.problem = j.unknownType(set.typeSet, fault, onType.problem)
		return onType, true
	case registryauth.DataMissing:
		if !set.hasData {
			onType.column = set.typeSet.Column
			onData = onType
		}
		return onData, !j.missed["ECS_ENGINE_AUTH_DATA"]
	case registryauth.NotJSON:
		onData.problem = j.brokenAuth(set.dataSet, strings.TrimSpace(set.typeSet.Value.Reveal()), onData.problem)
		if onData.offset != 0 {
			onData.column = set.dataSet.ValueColumn() + onData.offset
		}
		return onData, onData.code != ""
	case registryauth.WrongType:
		onData.problem = j.quotedAuth(set.dataSet, strings.TrimSpace(set.typeSet.Value.Reveal()), onData.problem)
	case registryauth.Placeholder:
		if fault.Field == "registry" {
			onData.fact, onData.effect = "In ECS_ENGINE_AUTH_DATA, the name of a registry is a template placeholder, which nothing expands in ecs.config.", neverUsed
		}
	case registryauth.Shape:
		onData.problem = j.otherShape(set, onData.problem)
	}
	return onData, true
}

// otherShape says that the data has the shape of the other type.
func (j *judge) otherShape(set authLines, p problem) problem {
	other := registryauth.Docker
	p.fact = `In ECS_ENGINE_AUTH_DATA, REGISTRY has no auth, but ECS_ENGINE_AUTH_TYPE is "dockercfg". The data has the docker shape.`
	p.effect = withoutRegistry
	if strings.TrimSpace(set.typeSet.Value.Reveal()) == registryauth.Docker {
		other = registryauth.Dockercfg
		p.fact = `In ECS_ENGINE_AUTH_DATA, REGISTRY has only auth, but ECS_ENGINE_AUTH_TYPE is "docker". The data has the dockercfg shape.`
		p.effect = "The agent logs in without a user name, and can't pull private images."
	}
	p.fix = "Set ECS_ENGINE_AUTH_TYPE=" + other
	if !mixedShapes(set.data) {
		j.correct(set.typeSet.Line, "ECS_ENGINE_AUTH_TYPE="+other)
	}
	return p
}

// mixedShapes says that only some of the registries have the other type's shape.
func mixedShapes(data registryauth.Data) bool {
	shaped := 0
	for _, fault := range data.Faults {
		if fault.Kind == registryauth.Shape {
			shaped++
		}
	}
	return shaped != len(data.Registries)
}

// unknownType finds the habit that made the type no known word.
func (j *judge) unknownType(a Assignment, fault registryauth.Fault, p problem) problem {
	written := a.Value.Reveal()
	likely := fault.Other
	clean, cause := cleaned(a.variable, written)
	if cause != nil && (clean == registryauth.Docker || clean == registryauth.Dockercfg) {
		p.code, p.fact, likely = cause.code, cause.fact, clean
	} else if lower := strings.ToLower(clean); lower == registryauth.Docker || lower == registryauth.Dockercfg {
		likely = lower
	}
	p.fix = "Write ECS_ENGINE_AUTH_TYPE=" + cmp.Or(likely, "docker or ECS_ENGINE_AUTH_TYPE=dockercfg, which must fit the data.")
	if likely != "" {
		j.correct(a.Line, "ECS_ENGINE_AUTH_TYPE="+likely)
	}
	return p
}

// quotedAuth recognizes data in quotes, which is a JSON string of the JSON that
// was meant.
func (j *judge) quotedAuth(a Assignment, authType string, p problem) problem {
	var inner string
	if json.Unmarshal([]byte(j.text[a.ValueStart:a.ValueEnd]), &inner) != nil || strings.ContainsAny(inner, "\r\n") {
		return p
	}
	if again := registryauth.Parse(authType, []byte(inner), 0); len(again.Faults) > 0 && again.Faults[0].Kind == registryauth.NotJSON {
		return p
	}
	p.code, p.fact, p.fix = codeQuoted, "The quotes are part of "+a.Name+": nothing removes them in ecs.config.", "Write the value without quotes."
	j.correct(a.Line, a.Name+"="+inner)
	return p
}

// brokenAuth finds the habit that made the data no JSON. It gives no problem
// where it has reported one itself.
func (j *judge) brokenAuth(a Assignment, authType string, p problem) problem {
	value := j.text[a.ValueStart:a.ValueEnd]
	if clean, cause := cleaned(a.variable, value); cause != nil && clean != value {
		if again := registryauth.Parse(authType, []byte(clean), 0); len(again.Faults) == 0 || again.Faults[0].Kind != registryauth.NotJSON {
			p.code, p.fact, p.fix, p.offset = cause.code, cause.fact, cause.fix, cause.offset
			if cause.code != codeLineSeparator {
				j.correct(a.Line, a.Name+"="+clean)
			}
			return p
		}
	}
	if j.swallowed(a.variable, a, value, one(p)) {
		return problem{}
	}
	if offset, ok := placeholder(value); ok {
		p.code, p.fact = codeUnexpanded, "ECS_ENGINE_AUTH_DATA has a template placeholder, which nothing expands in ecs.config."
		p.fix, p.offset = "Fill in the template before you upload the file.", offset
	}
	return p
}
