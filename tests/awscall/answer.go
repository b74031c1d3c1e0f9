package awscall

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
)

// Answered completes the exchange with what AWS said.
func (e *Exchange) Answered(status int, header http.Header, body []byte) {
	e.Call.Status = status
	e.Response = body
	e.Call.RequestID = firstNonEmpty(header.Get("X-Amzn-Requestid"), header.Get("X-Amz-Request-Id"))
	if status >= 400 {
		e.Call.ErrorCode, e.Call.ErrorMessage = failure(header, body)
	}
}

// failure reads the error of any protocol: <Error><Code> of the XML ones (S3
// at the root, IAM inside ErrorResponse, EC2 inside Response/Errors), "__type"
// or the header X-Amzn-ErrorType of the JSON ones.
func failure(header http.Header, body []byte) (code, message string) {
	var document struct {
		Type         string `json:"__type"`
		Code         string `json:"code"`
		Message      string `json:"message"`
		UpperMessage string `json:"Message"`
	}
	if json.Unmarshal(body, &document) == nil {
		code = firstNonEmpty(document.Type, document.Code)
		message = firstNonEmpty(document.Message, document.UpperMessage)
	} else {
		code, message = xmlFailure(body)
	}
	code = firstNonEmpty(header.Get("X-Amzn-Errortype"), code)
	// "com.amazonaws.ecs#ClientException:http://…" carries only the middle.
	code = code[strings.LastIndexByte(code, '#')+1:]
	code, _, _ = strings.Cut(code, ":")
	return code, message
}

func xmlFailure(body []byte) (code, message string) {
	decoder := xml.NewDecoder(strings.NewReader(string(body)))
	var element string
	for {
		token, err := decoder.Token()
		if err != nil {
			return code, message
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token.Name.Local
		case xml.EndElement:
			element = ""
		case xml.CharData:
			switch {
			case element == "Code" && code == "":
				code = string(token)
			case element == "Message" && message == "":
				message = string(token)
			}
		}
	}
}

func firstNonEmpty(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
