//! The JSON schema of a summary, in the dialect of structured outputs: every property required, nothing else allowed, null
//! where something may be missing, and no limits of length or number, which some servers refuse.

use fourwire_wire::structured::Category;
use serde_json::{Value, json};

/// The schema's name.
pub(super) const NAME: &str = "call_summary";

/// The schema.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "title": { "type": "string", "description": "At most 10 words in Title Case." },
            "overview": { "type": "string", "description": "1 to 4 sentences." },
            "emoji": { "type": "string", "description": "One emoji." },
            "category": { "type": "string", "enum": Category::ALL },
            "action_items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "description": { "type": "string", "description": "Who is to do what, as an imperative sentence." },
                        "due_at": { "type": ["string", "null"], "description": "Time on the user's clock, YYYY-MM-DDTHH:MM:SS, or null." },
                    },
                    "required": ["description", "due_at"],
                    "additionalProperties": false,
                },
            },
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": { "type": "string", "description": "A few words." },
                        "description": { "type": "string", "description": "What was arranged." },
                        "start": { "type": "string", "description": "Time on the user's clock, YYYY-MM-DDTHH:MM:SS." },
                        "duration": { "type": "integer", "description": "Minutes, 1 to 180." },
                    },
                    "required": ["title", "description", "start", "duration"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["title", "overview", "emoji", "category", "action_items", "events"],
        "additionalProperties": false,
    })
}
