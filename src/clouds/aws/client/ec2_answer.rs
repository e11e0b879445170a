//! Reads the answers of EC2. A missing or invalid field is an error with its name.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

use super::convert::Odd;
use crate::id::InstanceId;
use crate::machine::{Machine, Power};

/// The machines of an answer, and the token of its next page.
pub(super) fn machines(bytes: &[u8]) -> Result<(Vec<Machine>, Option<String>), Odd> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    let mut document = Document::new(text);
    let mut root = document.root_element().map_err(|error| error.to_string())?;
    if root.start_el().local() != "DescribeInstancesResponse" {
        return Err(format!("its element is {}", root.start_el().local()));
    }
    let (mut machines, mut next, mut has_set) = (Vec::new(), None, false);
    while let Some(mut tag) = root.next_tag() {
        match tag.start_el().local() {
            "reservationSet" => {
                has_set = true;
                while let Some(mut reservation) = tag.next_tag() {
                    of_reservation(&mut reservation, &mut machines)?;
                }
            }
            "nextToken" => next = Some(data(&mut tag)?).filter(|token| !token.is_empty()),
            _ => {}
        }
    }
    if has_set { Ok((machines, next)) } else { Err("it has no reservationSet".to_owned()) }
}

fn of_reservation(reservation: &mut ScopedDecoder<'_, '_>, into: &mut Vec<Machine>) -> Result<(), Odd> {
    while let Some(mut set) = reservation.next_tag() {
        if set.start_el().local() != "instancesSet" {
            continue;
        }
        while let Some(mut item) = set.next_tag() {
            into.push(machine(&mut item)?);
        }
    }
    Ok(())
}

fn machine(item: &mut ScopedDecoder<'_, '_>) -> Result<Machine, Odd> {
    let (mut id, mut power, mut lifecycle, mut root, mut reason) =
        (None, None, String::new(), String::new(), None);
    while let Some(mut tag) = item.next_tag() {
        match tag.start_el().local() {
            "instanceId" => {
                let text = data(&mut tag)?;
                id = Some(
                    InstanceId::parse(&text).ok_or_else(|| format!("an instance whose ID is `{text}`"))?,
                );
            }
            "instanceState" => power = field(&mut tag, "name")?,
            "instanceLifecycle" => lifecycle = data(&mut tag)?,
            "rootDeviceType" => root = data(&mut tag)?,
            "stateReason" => reason = Some(code_and_message(&mut tag, "code", "message")?),
            _ => {}
        }
    }
    let id = id.ok_or("an instance without an ID")?;
    let word = power.unwrap_or_default();
    let power = Power::parse(&word).ok_or_else(|| format!("instance {id} whose state is `{word}`"))?;
    // Capacity Blocks and scheduled instances are no usual instances either.
    let (is_spot, has_ebs_root) = (!lifecycle.is_empty(), root == "ebs");
    Ok(Machine { id, power, is_spot, has_ebs_root, reason })
}

/// Whether an answer is the one to this action.
pub(super) fn is_of(bytes: &[u8], action: &str) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut document = Document::new(text);
    document.root_element().is_ok_and(|root| root.start_el().local() == format!("{action}Response"))
}

/// The code and the message of an answer that is an error; both empty where it is not EC2's.
pub(super) fn error(bytes: &[u8]) -> (String, String) {
    let read = || -> Result<(String, String), Odd> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
        let mut document = Document::new(text);
        let mut root = document.root_element().map_err(|error| error.to_string())?;
        while let Some(mut errors) = root.next_tag() {
            if errors.start_el().local() != "Errors" {
                continue;
            }
            if let Some(mut first) = errors.next_tag() {
                return code_and_message(&mut first, "Code", "Message");
            }
        }
        Ok((String::new(), String::new()))
    };
    read().unwrap_or_default()
}

fn code_and_message(
    of: &mut ScopedDecoder<'_, '_>,
    code: &str,
    message: &str,
) -> Result<(String, String), Odd> {
    let mut both = (String::new(), String::new());
    while let Some(mut tag) = of.next_tag() {
        let name = tag.start_el().local().to_owned();
        if name == code {
            both.0 = data(&mut tag)?;
        } else if name == message {
            both.1 = data(&mut tag)?;
        }
    }
    Ok(both)
}

/// The text of an element within this one.
pub(super) fn field(of: &mut ScopedDecoder<'_, '_>, name: &str) -> Result<Option<String>, Odd> {
    let mut found = None;
    while let Some(mut tag) = of.next_tag() {
        if tag.start_el().local() == name {
            found = Some(data(&mut tag)?);
        }
    }
    Ok(found)
}

/// The text of this element.
pub(super) fn data(tag: &mut ScopedDecoder<'_, '_>) -> Result<String, Odd> {
    let text = try_data(tag).map_err(|error: XmlDecodeError| error.to_string())?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">
  <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
  <reservationSet>
    <item>
      <reservationId>r-1</reservationId><groupSet/>
      <instancesSet>
        <item>
          <instanceId>i-0a1b2c3d4e5f67890</instanceId>
          <instanceState><code>80</code><name>stopped</name></instanceState>
          <stateReason><code>Server.InsufficientInstanceCapacity</code><message>no &amp; room</message></stateReason>
          <placement><availabilityZone>us-east-1a</availabilityZone></placement>
          <rootDeviceType>ebs</rootDeviceType>
          <tagSet><item><key>instanceId</key><value>i-0000000000000000f</value></item></tagSet>
        </item>
        <item>
          <instanceId>i-0a1b2c3d4e5f67891</instanceId>
          <instanceState><code>16</code><name>running</name></instanceState>
          <rootDeviceType>instance-store</rootDeviceType>
          <instanceLifecycle>spot</instanceLifecycle>
        </item>
      </instancesSet>
    </item>
  </reservationSet>
  <nextToken>more</nextToken>
</DescribeInstancesResponse>";

    #[test]
    fn machines_are_read_with_their_states() {
        let (machines, next) = machines(ANSWER.as_bytes()).unwrap();
        let [first, second] = machines.as_slice() else { panic!("{machines:?}") };
        assert_eq!((first.id.as_str(), first.power), ("i-0a1b2c3d4e5f67890", Power::Stopped));
        assert_eq!((first.is_spot, first.has_ebs_root), (false, true));
        assert_eq!(first.had_no_room().unwrap(), "Server.InsufficientInstanceCapacity: no & room");
        assert_eq!((second.power, second.is_spot, second.has_ebs_root), (Power::Running, true, false));
        assert_eq!(next.as_deref(), Some("more"));
    }

    #[test]
    fn an_answer_that_lacks_a_field_is_not_understood() {
        for (from, to, odd) in [
            ("<name>running</name>", "", "instance i-0a1b2c3d4e5f67891 whose state is ``"),
            ("running", "sleeping", "instance i-0a1b2c3d4e5f67891 whose state is `sleeping`"),
            ("<instanceId>i-0a1b2c3d4e5f67891</instanceId>", "", "an instance without an ID"),
            ("i-0a1b2c3d4e5f67891", "nope", "an instance whose ID is `nope`"),
            ("reservationSet", "otherSet", "it has no reservationSet"),
            ("DescribeInstancesResponse", "Html", "its element is Html"),
        ] {
            let text = ANSWER.replace(from, to);
            assert_eq!(machines(text.as_bytes()).unwrap_err(), odd);
        }
        assert!(machines(b"").is_err() && machines(b"<html>").is_err());
        assert!(is_of(b"<StopInstancesResponse><a/></StopInstancesResponse>", "StopInstances"));
        assert!(!is_of(b"<html></html>", "StopInstances"));
    }

    #[test]
    fn an_error_has_a_code_and_a_message() {
        let text = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are \
                    not</Message></Error></Errors><RequestID>a</RequestID></Response>";
        assert_eq!(error(text.as_bytes()), ("UnauthorizedOperation".to_owned(), "You are not".to_owned()));
        assert_eq!(error(b"<html>bad gateway</html>"), (String::new(), String::new()));
        assert_eq!(error(b"\xff"), (String::new(), String::new()));
    }
}
