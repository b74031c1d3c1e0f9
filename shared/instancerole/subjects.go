package instancerole

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/pipeline"
)

// Target is a role before anything was read: its name, or the instance profile
// through which EC2 named it.
type Target struct {
	Role    string
	Profile string
	// Account is the one that the event speaks of, "" where it does not say.
	Account string
	// Region is where an instance runs under the role, "" where the event is
	// IAM's, which belongs to no region.
	Region string
	// Instance is what the event tells of an instance that runs under the role.
	Instance Instance
	// At is when the call was made that the event is about, zero where no call is.
	At time.Time
	// Undo asks to take back what was attached.
	Undo bool
}

// Instance is what an EC2 event tells of a launch.
type Instance struct {
	ID string
	// Image is an image's id, or the "resolve:ssm:…" of a launch.
	Image string
	// Template and TemplateVersion name the launch template, where there is one.
	Template, TemplateVersion string
}

type subject = pipeline.Subject[Target]

var (
	// CreateRole, RoleName in the IAM API Reference.
	roleName    = lazyregexp.New(`^[\w+=,.@-]{1,64}$`)
	profileName = lazyregexp.New(`^[\w+=,.@-]{1,128}$`)
	regionName  = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	roleARN     = lazyregexp.New(`^arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})$`)
)

// roleEvents are the calls that change what a role can do or is for.
var roleEvents = []string{
	"CreateRole", "UpdateAssumeRolePolicy", "TagRole", "UntagRole", "AttachRolePolicy", "DetachRolePolicy",
	"PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary",
	"AddRoleToInstanceProfile",
}

// Subjects lists the roles that a trigger concerns.
func (s Settings) Subjects(trigger event.Trigger) []subject {
	switch of := trigger.(type) {
	case event.Call:
		return s.ofCall(of)
	case event.ByHand:
		return []subject{s.byHand(of)}
	default:
		return nil
	}
}

func (s Settings) ofCall(call event.Call) []subject {
	ofRole := call.Service == "iam.amazonaws.com" && slices.Contains(roleEvents, call.Name)
	ofInstance := call.Service == "ec2.amazonaws.com" &&
		slices.Contains([]string{"RunInstances", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"}, call.Name)
	switch {
	case !ofRole && !ofInstance:
		return nil
	case call.ErrorCode != "":
		return []subject{pipeline.Skip[Target](call.Name, "failed-call", fmt.Sprintf("the call %s failed (%s), and so changed nothing", call.Name, call.ErrorCode))}
	case call.Actor.IsAnyOf(s.OwnRoles):
		return []subject{pipeline.Skip[Target](call.Name, "own-call", fmt.Sprintf("the call %s was made by ECS Guardrails itself", call.Name))}
	case ofRole:
		return []subject{s.ofRoleCall(call)}
	default:
		return s.ofInstanceCall(call)
	}
}

func (s Settings) ofRoleCall(call event.Call) subject {
	var request struct{ RoleName string }
	if json.Unmarshal(call.Request, &request) != nil || !roleName.MatchString(request.RoleName) {
		return malformed(call.Name, fmt.Sprintf("the call %s does not name a role in requestParameters.roleName", call.Name))
	}
	return s.role(request.RoleName, Target{Account: accountID(call.Account), At: call.Time})
}

// accountID drops what is no account's id: people blank it in examples.
func accountID(text string) string {
	if len(text) == 12 && strings.Trim(text, "0123456789") == "" {
		return text
	}
	return ""
}

// byHand takes {"role": "name"} and {"undo": "name"}; a name may be an ARN.
func (s Settings) byHand(request event.ByHand) subject {
	_, asksUndo := request.Fields["undo"]
	_, asksRole := request.Fields["role"]
	field := "role"
	if asksUndo {
		field = "undo"
	}
	written, _ := request.Text(field)
	written = strings.TrimSpace(written)
	target := Target{Undo: asksUndo, Account: s.account()}
	name := written
	if parts := roleARN.FindStringSubmatch(written); parts != nil {
		target.Account, name = parts[1], parts[2]
	}
	if asksUndo == asksRole || !roleName.MatchString(name) {
		return malformed("request", `a request by hand is {"role": "NAME"} to look at a role, or {"undo": "NAME"} to take back what was attached; NAME is a role's name or ARN`)
	}
	return s.role(name, target)
}

// account is this stack's, by its own roles; "" where the settings name none.
func (s Settings) account() string {
	for _, own := range s.OwnRoles {
		if parts := roleARN.FindStringSubmatch(strings.TrimSpace(own)); parts != nil {
			return parts[1]
		}
	}
	return ""
}

func (s Settings) role(name string, target Target) subject {
	target.Role = name
	label := "role/" + name
	if ownRole(s.OwnRoles, name, target.Account) {
		return pipeline.Skip[Target](label, "own-role", "the role is one of ECS Guardrails' own, which the function never touches")
	}
	key := label + " " + target.Account
	if target.Undo {
		key += " undo"
	}
	return subject{Name: label, Key: key, Of: target}
}

func malformed(name, problem string) subject {
	return pipeline.Reject[Target](name, finding.Finding{
		Code: "malformed-event", Severity: finding.Error, Message: problem,
		Fix: "send an event in the shape of one of the samples in events/",
	})
}

// ownRole compares names: a role's name is unique in its account whatever its path.
func ownRole(own []string, name, account string) bool {
	return slices.ContainsFunc(own, func(arn string) bool {
		parts := roleARN.FindStringSubmatch(strings.TrimSpace(arn))
		return parts != nil && strings.EqualFold(parts[2], name) && (account == "" || account == parts[1])
	})
}

// ofInstanceCall finds each launch's instance profile. It stands in the request
// of a plain RunInstances; for a launch through a template or by Auto Scaling
// only in the response; and for the two calls that change the profile of an
// instance inside another object, with names in capitals.
func (s Settings) ofInstanceCall(call event.Call) []subject {
	request, response := readJSON(call.Request), readJSON(call.Response)
	template := request.find("launchTemplate")
	version := cmp.Or(template.text("version"), request.find("launchTemplateSpecification").text("version"))
	launched := Instance{
		Image:           request.find("imageId").string(),
		Template:        cmp.Or(template.text("launchTemplateId"), template.text("launchTemplateName")),
		TemplateVersion: version,
	}
	instances := response.find("instancesSet").find("items").list()
	if len(instances) == 0 {
		// One instance: that of an association, or of a response that CloudTrail
		// left out because it was too large.
		instances = []node{response}
	}
	account := accountID(call.Account)
	region := call.Region
	if !regionName.MatchString(region) {
		region = ""
	}
	var subjects []subject
	for _, item := range instances {
		instance := launched
		instance.ID = cmp.Or(item.find("instanceId").string(), request.find("instanceId").string())
		if !strings.HasPrefix(instance.Image, "resolve:") {
			instance.Image = cmp.Or(item.find("imageId").string(), instance.Image)
		}
		given := item.find("iamInstanceProfile")
		asked := request.find("iamInstanceProfile")
		profile := cmp.Or(given.text("arn"), given.text("name"), asked.text("arn"), asked.text("name"))
		target := Target{Account: account, Region: region, Instance: instance, At: call.Time}
		if parts := strings.SplitN(profile, ":", 6); len(parts) == 6 {
			target.Account, profile = parts[4], parts[5]
		}
		target.Profile = profile[strings.LastIndexByte(profile, '/')+1:]
		if !profileName.MatchString(target.Profile) {
			continue
		}
		label := "instance-profile/" + target.Profile
		// Instances of one template and image are one look: an Auto Scaling group
		// launches many alike.
		key := strings.Join([]string{label, target.Account, target.Region, instance.Image, instance.Template, instance.TemplateVersion}, " ")
		if instance.Template == "" && call.Name != "RunInstances" {
			key += " " + instance.ID
		}
		if !slices.ContainsFunc(subjects, func(known subject) bool { return known.Key == key }) {
			subjects = append(subjects, subject{Name: label, Key: key, Of: target})
		}
	}
	if len(subjects) == 0 {
		return []subject{pipeline.Skip[Target](call.Name, "no-instance-profile", fmt.Sprintf("the call %s names no instance profile", call.Name))}
	}
	return subjects
}

// node is a part of a JSON document of whatever shape.
type node struct{ value any }

func readJSON(raw json.RawMessage) node {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return node{}
	}
	return node{value}
}

// find gives the field of that name, whatever its capitals, at the shallowest
// depth at which there is one; within one depth, the first in order of names.
func (n node) find(name string) node {
	level := []any{n.value}
	for len(level) > 0 {
		var below []any
		for _, value := range level {
			switch of := value.(type) {
			case map[string]any:
				keys := make([]string, 0, len(of))
				for key := range of {
					keys = append(keys, key)
				}
				slices.Sort(keys)
				for _, key := range keys {
					if strings.EqualFold(key, name) && of[key] != nil {
						return node{of[key]}
					}
					below = append(below, of[key])
				}
			case []any:
				below = append(below, of...)
			}
		}
		level = below
	}
	return node{}
}

func (n node) string() string {
	text, _ := n.value.(string)
	return text
}

func (n node) list() []node {
	values, _ := n.value.([]any)
	nodes := make([]node, len(values))
	for i, value := range values {
		nodes[i] = node{value}
	}
	return nodes
}

// text gives a field of the node itself, and of none below it; a template's
// version may come as a number.
func (n node) text(name string) string {
	fields, _ := n.value.(map[string]any)
	for key, value := range fields {
		if !strings.EqualFold(key, name) {
			continue
		}
		switch of := value.(type) {
		case string:
			return of
		case float64:
			return strconv.FormatFloat(of, 'f', -1, 64)
		}
	}
	return ""
}
