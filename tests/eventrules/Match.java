import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeSet;
import software.amazon.event.ruler.Machine;

/**
 * Matches events with AWS's event-ruler. The first line of standard input has the
 * patterns by the names of their rules, each other line an event. Each line of
 * standard output lists the rules that match.
 */
public class Match {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Machine machine = new Machine();
    for (Map.Entry<String, JsonNode> rule : mapper.readTree(input.readLine()).properties()) {
      machine.addRule(rule.getKey(), rule.getValue().toString());
    }
    for (String event = input.readLine(); event != null; event = input.readLine()) {
      System.out.println(mapper.writeValueAsString(new TreeSet<>(machine.rulesForJSONEvent(event))));
    }
  }
}
