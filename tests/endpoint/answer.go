package endpoint

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
)

// WriteJSON answers an operation of a JSON service.
func WriteJSON(writer http.ResponseWriter, document any) {
	writeJSON(writer, http.StatusOK, document)
}

// WriteJSONError refuses an operation of a JSON service.
func WriteJSONError(writer http.ResponseWriter, status int, code, message string) {
	writer.Header().Set("X-Amzn-Errortype", code)
	writeJSON(writer, status, map[string]string{"__type": code, "Message": message, "message": message})
}

func writeJSON(writer http.ResponseWriter, status int, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		http.Error(writer, "encoding the answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	write(writer, status, "application/x-amz-json-1.1", body)
}

// WriteXML answers an operation of an XML service.
func WriteXML(writer http.ResponseWriter, document any) {
	writeXML(writer, http.StatusOK, document)
}

// WriteQueryError refuses an operation of a service that speaks the query
// protocol with IAM's shape of errors.
func WriteQueryError(writer http.ResponseWriter, status int, code, message string) {
	document := struct {
		XMLName   xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ ErrorResponse"`
		Type      string   `xml:"Error>Type"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}{Type: "Sender", Code: code, Message: message, RequestID: RequestID}
	if status >= http.StatusInternalServerError {
		document.Type = "Receiver"
	}
	writeXML(writer, status, document)
}

// WriteS3Error refuses an operation of S3.
func WriteS3Error(writer http.ResponseWriter, status int, code, message, bucket string) {
	writeXML(writer, status, struct {
		XMLName    xml.Name `xml:"Error"`
		Code       string
		Message    string
		BucketName string
		RequestID  string `xml:"RequestId"`
	}{Code: code, Message: message, BucketName: bucket, RequestID: RequestID})
}

// WriteEC2Error refuses an operation of EC2.
func WriteEC2Error(writer http.ResponseWriter, status int, code, message string) {
	writeXML(writer, status, struct {
		XMLName   xml.Name `xml:"Response"`
		Code      string   `xml:"Errors>Error>Code"`
		Message   string   `xml:"Errors>Error>Message"`
		RequestID string   `xml:"RequestID"`
	}{Code: code, Message: message, RequestID: RequestID})
}

// RequestID stands in every answer of the rig's own; no one looks a local
// request up.
const RequestID = "00000000-0000-4000-8000-000000000000"

func writeXML(writer http.ResponseWriter, status int, document any) {
	body, err := xml.Marshal(document)
	if err != nil {
		http.Error(writer, "encoding the answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	write(writer, status, "text/xml", append([]byte(xml.Header), body...))
}

func write(writer http.ResponseWriter, status int, contentType string, body []byte) {
	writer.Header().Set("Content-Type", contentType)
	writer.Header().Set("X-Amzn-Requestid", RequestID)
	writer.WriteHeader(status)
	_, _ = writer.Write(body)
}
