package taskdef

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/schemas"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// maxBody bounds what is kept of an answer. ECS takes definitions of up to
// 64 KiB, and describes them with its own fields.
const maxBody = 4 << 20

// keepBody makes a call keep its answer as it came, besides decoding it: the
// SDK passes over fields that it does not know.
func keepBody(body *[]byte) func(*ecs.Options) {
	keep := middleware.DeserializeMiddlewareFunc("KeepBody", func(ctx context.Context, input middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		output, metadata, err := next.HandleDeserialize(ctx, input)
		response, ok := output.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return output, metadata, err
		}
		kept, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
		if err != nil {
			return output, metadata, fmt.Errorf("read the answer of ECS: %w", err)
		}
		*body = kept
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(kept), response.Body), response.Body}
		return output, metadata, nil
	})
	return func(options *ecs.Options) {
		options.APIOptions = append(options.APIOptions, func(stack *middleware.Stack) error {
			// Last, and so next to the wire.
			return stack.Deserialize.Add(keep, middleware.After)
		})
	}
}

// unknownFields lists, by their paths, the fields of a described definition
// that a registration with this SDK would lose. Those that hold nothing (null,
// false, 0, "", an empty list or object) are not lost.
func unknownFields(body []byte) []string {
	var answer struct {
		TaskDefinition map[string]any `json:"taskDefinition"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil
	}
	// Tags stand beside the definition; what is in it, too, is a copy.
	delete(answer.TaskDefinition, "tags")
	var unknown []string
	walkUnknown(answer.TaskDefinition, schemas.TaskDefinition, "", &unknown)
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

func walkUnknown(value any, schema *smithy.Schema, path string, unknown *[]string) {
	switch typed := value.(type) {
	case []any:
		for i, element := range typed {
			if member := schema.ListMember(); member != nil {
				walkUnknown(element, member, fmt.Sprintf("%s[%d]", path, i), unknown)
			}
		}
	case map[string]any:
		if schema.Type() != smithy.ShapeTypeStructure && schema.Type() != smithy.ShapeTypeUnion {
			return
		}
		for name, field := range typed {
			place := name
			if path != "" {
				place = path + "." + name
			}
			if member := schema.Member(name); member != nil {
				walkUnknown(field, member, place, unknown)
			} else if !isNothing(field) {
				*unknown = append(*unknown, place)
			}
		}
	}
}

// isNothing reports whether a field's absence means the same as its value.
func isNothing(value any) bool {
	switch typed := value.(type) {
	case nil:
		return true
	case bool:
		return !typed
	case float64:
		return typed == 0
	case string:
		return typed == ""
	case []any:
		return len(typed) == 0
	case map[string]any:
		for _, field := range typed {
			if !isNothing(field) {
				return false
			}
		}
		return true
	}
	return false
}

// DecodeDescription reads ECS's own JSON with the SDK's decoder.
func DecodeDescription(body []byte) (*ecs.DescribeTaskDefinitionOutput, error) {
	operation := smithy.NewOperationSchema(schemas.DescribeTaskDefinition, schemas.DescribeTaskDefinitionRequest, schemas.DescribeTaskDefinitionResponse)
	response := &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}}
	output := &ecs.DescribeTaskDefinitionOutput{}
	err := awsjson.New11(schemas.AmazonEC2ContainerServiceV20141113).DeserializeResponse(context.Background(), operation, ecs.TypeRegistry, response, output)
	return output, err
}
