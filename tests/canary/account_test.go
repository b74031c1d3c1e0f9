package canary_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// account answers the calls of one run of a function from a list, and can put
// another text into one place of one answer.
type account struct {
	// answers are outputs of the SDK by "service.Operation"; a function is given the
	// call's input. What isn't listed doesn't exist.
	answers map[string]any
	// place is where text goes; "" is nowhere.
	place, text string

	mutex sync.Mutex
	// places are all where a text was answered.
	places []string
	// sent is what was written where people or other functions read it.
	sent strings.Builder
	// missing are operations without an answer.
	missing []string
	// tags were put on the role.
	tags []iamtypes.Tag
}

// told are the operations whose inputs reach people or other functions, and are
// not what the function is told to keep: a tag, a message, a report, a command.
var told = []string{
	"iam.TagRole", "s3.PutObject", "sqs.SendMessage", "sqs.SendMessageBatch", "sns.Publish", "eventbridge.PutEvents", "ecs.TagResource",
	"secretsmanager.PutResourcePolicy", "secretsmanager.TagResource", "ssm.SendCommand", "cloudwatch.PutMetricData",
}

func (a *account) configuration() aws.Config {
	return aws.Config{
		Region: "us-east-1", RetryMaxAttempts: 1,
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Scripted", a.answer), middleware.Before)
		}},
	}
}

// answer takes the place of the SDK's way over the network.
func (a *account) answer(_ context.Context, input middleware.InitializeInput, _ middleware.InitializeHandler) (output middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	of := reflect.TypeOf(input.Parameters).Elem()
	operation := path.Base(of.PkgPath()) + "." + strings.TrimSuffix(of.Name(), "Input")
	if slices.Contains(told, operation) {
		if err := a.keep(input.Parameters); err != nil {
			return output, metadata, err
		}
	}
	answer, listed := a.answers[operation]
	if function := reflect.ValueOf(answer); listed && function.Kind() == reflect.Func {
		answer = function.Call([]reflect.Value{reflect.ValueOf(input.Parameters)})[0].Interface()
	}
	if failure, failed := answer.(error); failed {
		return output, metadata, failure
	}
	if !listed || answer == nil {
		a.missing = append(a.missing, operation)
		return output, metadata, &smithy.GenericAPIError{Code: "ResourceNotFoundException", Message: "There is no such thing.", Fault: smithy.FaultClient}
	}
	switch input := input.Parameters.(type) {
	case *iam.SimulatePrincipalPolicyInput:
		if source := aws.ToString(input.PolicySourceArn); !slices.Contains(roles, source[strings.LastIndexByte(source, '/')+1:]) {
			return output, metadata, &iamtypes.NoSuchEntityException{Message: aws.String("There is no such role.")}
		}
	case *iam.TagRoleInput:
		a.tags = append(a.tags, input.Tags...)
	case *iam.GetRoleInput:
		if !slices.Contains(roles, aws.ToString(input.RoleName)) {
			return output, metadata, &iamtypes.NoSuchEntityException{Message: aws.String("There is no such role.")}
		}
		// What was written is seen at once; otherwise a run waits for it.
		shown := *answer.(*iam.GetRoleOutput).Role
		shown.Tags = append(slices.Clone(shown.Tags), a.tags...)
		answer = &iam.GetRoleOutput{Role: &shown}
	}
	output.Result = a.planted(reflect.ValueOf(answer), operation).Interface()
	return output, metadata, nil
}

// roles are those of the account: the instances', the tasks' and people's.
var roles = []string{roleName, "execution", "task", "platform-engineer", "deployer", "ecsTaskExecutionRole"}

// keep notes what a call writes, with the content of its body.
func (a *account) keep(parameters any) error {
	value := reflect.ValueOf(parameters).Elem()
	if body := value.FieldByName("Body"); body.IsValid() && !body.IsNil() {
		content, err := io.ReadAll(body.Interface().(io.Reader))
		if err != nil {
			return err
		}
		a.sent.Write(content)
	}
	fmt.Fprintf(&a.sent, "%+v\n", plain(value))
	return nil
}

// plain gives a value with its pointers followed, which "%+v" doesn't do.
func plain(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			return nil
		}
		return plain(value.Elem())
	case reflect.Struct:
		fields := map[string]any{}
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() && !value.Field(i).IsZero() && value.Field(i).Kind() != reflect.Interface {
				fields[value.Type().Field(i).Name] = plain(value.Field(i))
			}
		}
		return fields
	case reflect.Slice:
		var items []any
		for i := range value.Len() {
			items = append(items, plain(value.Index(i)))
		}
		return items
	default:
		return value.Interface()
	}
}

// planted copies a value of an answer, with the text in its place.
func (a *account) planted(value reflect.Value, where string) reflect.Value {
	copied := reflect.New(value.Type()).Elem()
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			return value
		}
		copied = reflect.New(value.Type().Elem())
		copied.Elem().Set(a.planted(value.Elem(), where))
		return copied
	case reflect.Struct:
		copied.Set(value)
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() {
				copied.Field(i).Set(a.planted(value.Field(i), where+"."+field.Name))
			}
		}
		return copied
	case reflect.Slice:
		if value.IsNil() || value.Type().Elem().Kind() == reflect.Uint8 {
			return value
		}
		copied.Set(reflect.MakeSlice(value.Type(), value.Len(), value.Len()))
		for i := range value.Len() {
			if name := label(value.Index(i), i); i < 2 || name != fmt.Sprint(i) {
				copied.Index(i).Set(a.planted(value.Index(i), fmt.Sprintf("%s[%s]", where, name)))
			} else {
				// What holds for two items of a list holds for the others.
				copied.Index(i).Set(value.Index(i))
			}
		}
		return copied
	case reflect.Map:
		copied.Set(reflect.MakeMap(value.Type()))
		for _, key := range value.MapKeys() {
			copied.SetMapIndex(key, a.planted(value.MapIndex(key), where+"."+key.String()))
		}
		return copied
	case reflect.Interface:
		if body, is := value.Interface().(io.Reader); is {
			content, err := io.ReadAll(body)
			if err != nil {
				panic(err)
			}
			copied.Set(reflect.ValueOf(io.NopCloser(bytes.NewReader([]byte(a.textAt(string(content), where))))))
			return copied
		}
		return value
	case reflect.String:
		copied.SetString(a.textAt(value.String(), where))
		return copied
	default:
		return value
	}
}

// label names an item of a list: a tag by its key, anything else by its number.
func label(item reflect.Value, number int) string {
	if item.Kind() == reflect.Struct {
		if key := item.FieldByName("Key"); key.IsValid() && key.Kind() == reflect.Pointer && !key.IsNil() && key.Elem().Kind() == reflect.String {
			return key.Elem().String()
		}
	}
	return fmt.Sprint(number)
}

// textAt gives one text of an answer, or what takes its place. A text that holds a
// document, as policies and the values of secrets do, has places of its own.
func (a *account) textAt(text, where string) string {
	if text == "" {
		return text
	}
	document, pack := unpacked(text)
	if document == nil {
		a.places = append(a.places, where)
		if a.place == where {
			return a.text
		}
		return text
	}
	a.places = append(a.places, where)
	if a.place == where {
		return pack(a.text)
	}
	changed := false
	for _, field := range fields(document) {
		inner := where + fmt.Sprint(field)
		a.places = append(a.places, inner)
		if a.place == inner {
			changed = true
			replace(document, field, a.text)
		}
	}
	if !changed {
		return text
	}
	written, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return pack(string(written))
}

// unpacked reads a document in JSON, plain, escaped as IAM gives policies, or in
// base64; pack is the way back. The document is nil where the text is none.
func unpacked(text string) (document any, pack func(string) string) {
	parse := func(text string) any {
		var document any
		if json.Unmarshal([]byte(text), &document) != nil {
			return nil
		}
		switch document.(type) {
		case map[string]any, []any:
			return document
		}
		return nil
	}
	if document := parse(text); document != nil {
		return document, func(text string) string { return text }
	}
	if plain, err := url.PathUnescape(text); err == nil && strings.HasPrefix(text, "%7B") {
		return parse(plain), url.PathEscape
	}
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
		return parse(string(plain)), func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	}
	return nil, nil
}

// replace puts a text into one field of a document.
func replace(document any, path []any, text string) {
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			document = document.(map[string]any)[step]
		case int:
			document = document.([]any)[step]
		}
	}
	switch step := path[len(path)-1].(type) {
	case string:
		document.(map[string]any)[step] = text
	case int:
		document.([]any)[step] = text
	}
}
