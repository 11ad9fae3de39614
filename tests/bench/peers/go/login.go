package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// login is what the queue's messages hold. An app_version may be a string or a number.
type login struct {
	UserID     string          `json:"user_id"`
	DeviceType string          `json:"device_type"`
	IP         string          `json:"ip"`
	DeviceID   string          `json:"device_id"`
	Locale     string          `json:"locale"`
	AppVersion json.RawMessage `json:"app_version"`
	CreateDate string          `json:"create_date"`
}

// row is one of user_logins; nil stands for NULL.
type row struct {
	userID         string
	deviceType     *string
	maskedIP       *string
	maskedDeviceID *string
	locale         *string
	appVersion     *int32
	createDate     time.Time
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func mask(text string) *string {
	if text == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(text))
	masked := hex.EncodeToString(sum[:])
	return &masked
}

// canonicalIP is RFC 5952 for IPv6; another text stays as it is.
func canonicalIP(text string) string {
	if strings.IndexByte(text, ':') < 0 {
		return text
	}
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return address.String()
	}
	return text
}

var errVersion = errors.New("app_version")

// versionNumber: 2.3.0 is 230.
func versionNumber(raw json.RawMessage) (*int32, error) {
	text := string(raw)
	if text == "" || text == "null" || text == `""` {
		return nil, nil
	}
	if text[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, errVersion
		}
	}
	var number int64
	for _, part := range strings.Split(text, ".") {
		if part == "" {
			return nil, errVersion
		}
		for _, c := range []byte(part) {
			number = number*10 + int64(c-'0')
			if c < '0' || c > '9' || number > math.MaxInt32 {
				return nil, errVersion
			}
		}
	}
	version := int32(number)
	return &version, nil
}

var dateLayouts = []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", time.DateTime}

// day is the event's own date, in UTC, or the one on which the queue got it.
func day(text, sentTimestamp string) (time.Time, error) {
	if text == "" {
		sentMS, err := strconv.ParseInt(sentTimestamp, 10, 64)
		return time.UnixMilli(sentMS).UTC(), err
	}
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("create_date")
}

func tooLong(text string, max int) bool {
	return len(text) > max && utf8.RuneCountInString(text) > max
}

func (event *login) check() error {
	switch {
	case event.UserID == "" || tooLong(event.UserID, 128):
		return errors.New("user_id")
	case tooLong(event.DeviceType, 32):
		return errors.New("device_type")
	case tooLong(event.Locale, 32):
		return errors.New("locale")
	case strings.IndexByte(event.UserID+event.DeviceType+event.Locale, 0) >= 0:
		return errors.New("a NUL")
	}
	return nil
}

// rowOf fails when the message cannot become a row; the error never holds a value.
func rowOf(message *types.Message) (made row, err error) {
	var event login
	if err = json.Unmarshal([]byte(*message.Body), &event); err != nil {
		return made, errors.New("not a login in JSON")
	}
	if err = event.check(); err != nil {
		return made, err
	}
	made = row{
		userID:         event.UserID,
		deviceType:     orNull(event.DeviceType),
		maskedIP:       mask(canonicalIP(event.IP)),
		maskedDeviceID: mask(event.DeviceID),
		locale:         orNull(event.Locale),
	}
	if made.appVersion, err = versionNumber(event.AppVersion); err != nil {
		return made, err
	}
	made.createDate, err = day(event.CreateDate, message.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)])
	return made, err
}
